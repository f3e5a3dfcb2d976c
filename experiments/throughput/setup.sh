#!/bin/sh
# Make an environment with the project and all peers: setup.sh [FOLDER], data/bench/venv if not
# given. FFCV is built here and needs Debian's libopencv-dev, libturbojpeg0-dev and pkg-config.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-data/bench/venv}
python3 -m venv "$folder"
pip="$folder/bin/pip --disable-pip-version-check"
# First, so that nothing else asks for a newer one; any build will do, nothing here uses a GPU.
$pip install torch==2.13.0
$pip install -e '.[pipeline,bench]'
# FFCV asks for opencv-python, which would overwrite opencv-python-headless, and LitData for
# torchvision, which it does not use here: what they do need is in the group bench.
$pip install setuptools wheel
$pip install --no-deps --no-build-isolation ffcv==1.0.2 litdata==0.2.76
echo "now: SPOONFUL_MIRROR=FOLDER $folder/bin/python experiments/throughput/run.py"
