#!/bin/sh
# Solves the measured scan with every engine, with and without a fitted background, and prints R and the FRC of the half
# sets: bench/trials/solve.sh [ITERATIONS]
set -eu
data=${DATA:-../shared/data/siemens_star_aps_velociprobe.npz}
ptycho=${PTYCHO:-bin/ptycho}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
number() { sed -n "s/^  \"$1\": \([-0-9.e]*\),*$/\1/p" "$out/report.json"; }
printf '%-8s %-28s %-9s %-9s %s\n' engine fit R FRC 'CPU-s and wall-s of three solves'
while read -r engine fit modes; do
	{ time -p "$ptycho" solve --data "$data" --output-dir "$out/run" --overwrite --engine "$engine" --fit "$fit" --modes "$modes" \
		--iterations "${1:-30}" --halves --quiet --json >"$out/report.json"; } 2>"$out/time"
	printf '%-8s %-28s %.5f   %.4f    %s\n' "$engine" "$fit, $modes modes" "$(number R)" "$(number frc)" \
		"$(awk '/user|sys/ {cpu += $2} /real/ {wall = $2} END {print cpu, wall}' "$out/time")"
done <<LIST
epie probe 1
rpie probe 1
dm probe 1
raar probe 1
lsqml probe 1
adam probe 1
epie probe,background 1
raar probe,background 1
lsqml probe,background 1
adam probe,background 1
epie probe,background 3
epie probe,background,positions 1
LIST
