#!/usr/bin/env bash
# The network on scans, sound and with faults, without and with --calibrate auto: one row of a table for each scan, then a table of means.
#
#   bench/trials/calibrate.sh [flags of ptycho train]
#
# OBJECTS (lines fields cells blocks; star is the measured scan of ../shared/data, whose faults PYTHON with NumPy plants), FAULTS (those of
# ptycho simulate; star: none, defocus, jitter), SEEDS (0), N (32), PATTERNS (400) and EPOCHS (6) choose the scans and the training. The
# figures are what evaluate finds against the truth, for the star against its ePIE image, with the phase ramp removed: PSNR of the
# amplitude in dB (star: FRC), phase correlation, then CPU-seconds of the training.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ptycho=${PTYCHO:-bin/ptycho} data=../shared/data out=$(mktemp -d)
star=$data/siemens_star_aps_velociprobe_ptychopinn.npz
trap 'rm -rf "$out"' EXIT
scan=$out/scan.npz TIMEFORMAT=%U

# plant FAULT writes the star with other positions or with another probe, as ptycho simulate --fault does for its scans.
plant() {
  "${PYTHON:-python3}" - "$star" "$scan" "$1" "$seed" <<'PLANT'
import sys
import numpy as np

f = dict(np.load(sys.argv[1], allow_pickle=False))
name, _, strength = sys.argv[3].partition("=")
random = np.random.default_rng(int(sys.argv[4]))
if name == "jitter":
    for axis in "xcoords", "ycoords":
        f[axis] = f[axis] + float(strength) / np.sqrt(2) * random.standard_normal(f[axis].shape)
if name == "defocus":
    far = np.fft.fft2(f["probeGuess"])
    k = np.fft.fftfreq(far.shape[-1])
    square = k[:, None] ** 2 + k**2
    power = abs(far) ** 2 / (abs(far) ** 2).sum()
    a = 1.0
    while np.sqrt(1 - abs((power * np.exp(1j * a * square)).sum()) ** 2) < float(strength):
        a *= 1.01
    f["probeGuess"] = np.fft.ifft2(far * np.exp(1j * a * square)).astype(np.complex64)
np.savez(sys.argv[2], **f)
PLANT
}

# figures CALIBRATION-OF-INFER FLAGS… prints the figures of a network that is trained on the scan with the flags.
figures() {
  local infer=$1 judge=(--reference "$scan")
  shift
  if [ "$object" = star ]; then judge=(--reference "$data/siemens_star_aps_velociprobe.npz" --box 110 349 110 349); fi
  { time "$ptycho" train --train-data-file "$scan" --output-dir "$out/run" --overwrite --seed "$seed" --threads 1 --quiet --trust-data \
    --max-epochs "${EPOCHS:-6}" "$@" >"$out/train.txt" 2>&1; } 2>"$out/seconds" || { echo "train: failed" && return; }
  "$ptycho" infer --model-path "$out/run" --test-data "$scan" --output-dir "$out/out" --overwrite --quiet --trust-data --threads 1 \
    --calibrate "$infer" >"$out/infer.txt" 2>&1 || { echo "infer: code $?" && return; }
  "$ptycho" evaluate --reconstruction "$out/out/reconstruction.npz" --ramp --threads 1 --quiet "${judge[@]}" >"$out/figures.txt"
  awk -v star="$([ "$object" = star ] && echo 1)" -v seconds="$(cat "$out/seconds")" '
    /^amplitude PSNR/ && !star || /^FRC, mean/ && star {first = $(NF-1)} /^phase correlation/ {phase = $(NF-1)}
    END {printf "%s, %s, %s", first, phase, seconds}' "$out/figures.txt"
}

echo '| object | fault | seed | PSNR dB (star: FRC), phase corr., CPU-s | with --calibrate auto |'
echo '|---|---|---|---|---|'
for seed in ${SEEDS:-0}; do
  for object in ${OBJECTS:-lines fields cells blocks}; do
    for fault in ${FAULTS:-none defocus=0.34 magnified=1.15 blur=1.5 jitter=1 jitter=2 jitter=3 modes exposure}; do
      if [ "$object" = star ]; then
        plant "$fault"
      else
        "$ptycho" simulate --output "$scan" --overwrite --object "$object" --probe aberrated --n "${N:-32}" --n-images "${PATTERNS:-400}" \
          --nphotons 1e5 --seed "$((seed + 11))" --fault "${fault/#none/}" >/dev/null 2>&1
      fi
      echo "| $object | $fault | $seed | $(figures none "$@") | $(figures auto --calibrate auto "$@") |"
    done
  done
done | tee "$out/rows.md"

# One row for each fault: the means over the seeds without → with --calibrate auto, and the worst seed's difference to its sound scan without.
echo
awk -F ' *[|,] *' '
  NF < 11 {print "not in the table: " $0; next}
  {
    if (!($2 in object)) {objects[++n] = $2; object[$2] = 1}
    if (!($3 in fault)) {faults[++m] = $3; fault[$3] = 1}
    if ($3 == "none") sound[$2, $4] = $5
    key = $2 SUBSEP $3
    before[key] += $5; after[key] += $8; slower[$3] += $10 - $7; count[key]++; runs[$3]++
    loss = $8 - sound[$2, $4]
    if (($2, $4) in sound && (!(key in worst) || loss < worst[key])) worst[key] = loss
  }
  END {
    head = "| fault |"; line = "|---|"
    for (i = 1; i <= n; i++) {head = head " " objects[i] " |"; line = line "---|"}
    print head " CPU-s more |"; print line "---|"
    for (j = 1; j <= m; j++) {
      row = "| " faults[j] " |"
      for (i = 1; i <= n; i++) {
        key = objects[i] SUBSEP faults[j]; format = objects[i] == "star" ? "%.3f" : "%.1f"
        row = row (count[key] ? sprintf(" " format " → " format " (%+" substr(format, 2) ") |", before[key] / count[key], after[key] / count[key], worst[key]) : " |")
      }
      print row sprintf(" %.1f |", slower[faults[j]] / runs[faults[j]])
    }
  }' "$out/rows.md"
