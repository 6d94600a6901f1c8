# docker build -t lab-bench .
# docker run --rm -v "$PWD/mlruns:/lab/mlruns" lab-bench run ARGS="experiment=matmul device=cpu"
# docker run --rm lab-bench test
FROM python:3.11-slim-bookworm
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends make git graphviz \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /lab
COPY . .
RUN make .venv/ready
ENTRYPOINT ["make"]
CMD ["run"]
