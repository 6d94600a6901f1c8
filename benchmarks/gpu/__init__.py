"""All that is to be found out on a GPU, in at most eight minutes: ``make gpu``, ``python -m benchmarks.gpu``.

A step is one question. It starts processes, the product's own command line most of all, and reads what they leave:
``steps/`` has one file a step, ``checks/`` what runs in a process of its own that starts TensorFlow.
"""
