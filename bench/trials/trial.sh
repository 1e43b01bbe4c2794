#!/usr/bin/env bash
# One trial: train, infer, evaluate, on one thread, with the CPU-seconds of the training (the plugin's included).
#
#   bench/trials/trial.sh KIND SEED [flags of ptycho train]
#
# sim                       trains on one half of ../shared/data/sim_lines_64.npz and evaluates the other
# star                      trains on the measured scan and compares with its ePIE image on rows and columns 110 … 349,
#                           ramp removed
# mirrored, transposed      the star with deliberately wrong positions (needs numpy: PYTHON=…)
# untrained                 the star with the initial weights of the training
# fields, cells, blocks     simulated scans (aberrated probe and 3e5 photons, Gaussian and 2e4, disk and 1e7), half trained,
#                           half evaluated
#
# FIRST holds flags of a first network, whose image that of the trial corrects: FIRST="--max-epochs 2".
# Files go to TRIALS (default: trials), or to TRIALS/KIND-SEED-TAG for trials with further flags.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
kind=$1 seed=$2
shift 2
data=../shared/data out=${TRIALS:-trials}/$kind-$seed${TAG:+-$TAG} ptycho=${PTYCHO:-bin/ptycho}
star=$data/siemens_star_aps_velociprobe_ptychopinn.npz
train=() infer=() judge=()
mkdir -p "$out"

# simulate OBJECT PROBE PHOTONS
simulate() {
  scan=$out/scan.npz reference=$scan train=(--rows split=0) infer=(--rows split=1) judge=(--rows split=1)
  "$ptycho" simulate --output "$scan" --overwrite --object "$1" --probe "$2" --nphotons "$3" --n-images 2048 --seed 7
}

# displace EXPRESSION writes the star with other positions; y and x are rows and columns.
displace() {
  if [ ! -f "$star" ]; then return; fi
  scan=$out/scan.npz
  "${PYTHON:-python3}" -c "
import numpy as np
f = dict(np.load('$star', allow_pickle=False))
x, y = f['xcoords'], f['ycoords']
f['xcoords'], f['ycoords'] = $1
np.savez('$scan', **f)"
}

case $kind in
sim) scan=$data/sim_lines_64.npz reference=$scan train=(--rows split=0) infer=(--rows split=1) judge=(--rows split=1) ;;
star | mirrored | transposed | untrained)
  scan=$star reference=$data/siemens_star_aps_velociprobe.npz judge=(--ramp --box 110 349 110 349)
  case $kind in
  mirrored) displace "x.max() + x.min() - x, y" ;;
  transposed) displace "y, x" ;;
  untrained) train=(--max-epochs 1 --learning-rate 1e-12) ;;
  esac
  ;;
fields) simulate fields aberrated 3e5 ;;
cells) simulate cells gaussian 2e4 ;;
blocks) simulate blocks disk 1e7 ;;
*)
  echo "trial.sh: unknown kind of trial $kind" >&2
  exit 10
  ;;
esac
if [ ! -f "$scan" ]; then
  echo "SKIP  trial $kind: $scan is missing" >&2
  exit 0
fi
fit() { time "$ptycho" train --train-data-file "$scan" --overwrite --seed "$seed" --threads 1 --quiet "${train[@]}" "$@"; }
TIMEFORMAT='%U user, %S system, %R wall seconds'
first=()
if [ -n "${FIRST:-}" ]; then
  # shellcheck disable=SC2086 # several flags
  fit --output-dir "$out/first" $FIRST
  first=(--first-pass "$out/first")
fi
fit --output-dir "$out/run" "${first[@]}" "$@"
"$ptycho" infer --model-path "$out/run" --test-data "$scan" --output-dir "$out/out" --overwrite --quiet "${infer[@]}"
"$ptycho" evaluate --reconstruction "$out/out/reconstruction.npz" --reference "$reference" --quiet "${judge[@]}" | tee "$out/figures.txt"
