#!/bin/sh
# Run the experiment and publish its results beside this file. Needs .venv/bin on the PATH, and a
# network or SPOONFUL_MIRROR for MNIST. Replaces data/ and models/; `make repro` brings the
# pipeline's back.
set -eu
cd "$(dirname "$0")/../.."
spoonful fetch experiment=article_mnist
spoonful split experiment=article_mnist
spoonful train experiment=article_mnist
spoonful evaluate
results=experiments/article_mnist/results
run_id=$(spoonful summary | sed -n 's/^MLflow run *//p')
cp models/train/history.csv models/evaluate/metrics.json models/evaluate/classes.csv "$results/"
cp "mlruns/mnist/$run_id/artifacts/figures/"*.png "$results/"
rm "$results/calibration.png"
spoonful summary
