"""A layer of one's own, and a model with it: run as a program, this file writes mine.keras."""

import keras


@keras.saving.register_keras_serializable("mine")
class Wave(keras.layers.Layer):
    """The sine of each number."""

    def call(self, inputs):
        return keras.ops.sin(inputs)


if __name__ == "__main__":
    signal = pixels = keras.Input((8, 8, 1))
    for layer in (keras.layers.Rescaling(1 / 16), keras.layers.Flatten(), keras.layers.Dense(64), Wave()):
        signal = layer(signal)
    keras.Model(pixels, keras.layers.Dense(10)(signal)).save("mine.keras")
