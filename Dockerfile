# docker build -t ivfbench . && docker run --rm -v "$PWD/out:/ivfbench/out" ivfbench --suite ivf
# Real data: -v DATA:/data:ro and --data /data. Nothing in the project needs this image; it is a convenience.
FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends git libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
WORKDIR /ivfbench
COPY . .
RUN pip install --no-cache-dir -c constraints.txt -e '.[all]'
ENTRYPOINT ["python", "run_all.py"]
CMD ["--suite", "ivf,detection,segmentation"]
