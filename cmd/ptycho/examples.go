package main

// examples are two command lines of the program, under "", and of each command, under its name. Help and manual pages print them.
var examples = map[string][]string{
	"": {
		"ptycho demo",
		"ptycho solve --data scan.npz --output-dir solved",
	},
	"train": {
		"ptycho train --train-data-file scan.npz --output-dir run",
		"ptycho train --resume run --max-epochs 32",
	},
	"infer": {
		"ptycho infer --model-path run --test-data scan.npz --output-dir out",
		"ptycho infer --model-path run --test-data scan.npz --output-dir out --refine 10",
	},
	"solve": {
		"ptycho solve --data scan.npz --output-dir solved",
		"ptycho solve --data scan.npz --output-dir solved --engine lsqml --fit probe,positions",
	},
	"evaluate": {
		"ptycho evaluate --reconstruction out/reconstruction.npz --reference truth.npz",
		"ptycho evaluate --reconstruction out/reconstruction.npz --reference other/product.h5 --data scan.cxi --json",
	},
	"inspect": {
		"ptycho inspect scan.npz",
		"ptycho inspect scan.npz --scale --json",
	},
	"convert": {
		"ptycho convert scan.cxi scan.npz --crop 128",
		"ptycho convert frames.h5 scan.npz --data-path /entry/data/data --y-path motors.h5:/scan/positions:1 --x-path motors.h5:/scan/positions:0 --position-units um --energy 10keV --distance 1.9m --detector-pixel-size 75um",
	},
	"simulate": {
		"ptycho simulate --output scan.npz",
		"ptycho simulate --output scan.npz --object cells --positions raster --overlap 0.6",
	},
	"demo": {
		"ptycho demo",
		"ptycho demo --output-dir short --max-epochs 2",
	},
	"bench": {
		"ptycho bench",
		"ptycho bench --backend gorgonia,xla --n 64 --batch-size 16",
	},
	"bench feed": {
		"ptycho bench feed",
		"ptycho bench feed --num-workers 0,2 --prefetch-factor 2",
	},
	"conformance": {
		"ptycho conformance --backend ./ptycho-backend-mine --level 1",
		"ptycho conformance --parity gorgonia,reference",
	},
	"conformance compare": {
		"ptycho conformance compare before.json after.json",
		"ptycho conformance compare before.json after.json --json",
	},
	"config": {
		"ptycho config explain run",
		"ptycho config import config.yaml --output settings.yaml",
	},
	"config explain": {
		"ptycho config explain run",
		"ptycho config explain --config settings.yaml --max-epochs 32",
	},
	"config show": {
		"ptycho config show run",
		"ptycho config show --batch-size 16 > settings.yaml",
	},
	"config diff": {
		"ptycho config diff run other-run",
		"ptycho config diff settings.yaml run --json",
	},
	"config schema": {
		"ptycho config schema",
		"ptycho config schema > ptycho.schema.json",
	},
	"config import": {
		"ptycho config import config.yaml",
		"ptycho config import config.yaml --output settings.yaml",
	},
	"model": {
		"ptycho model show run",
		"ptycho model show --arch cnn --n 128",
	},
	"model show": {
		"ptycho model show run",
		"ptycho model show --arch cnn --n 128",
	},
	"runs": {
		"ptycho runs send run",
		"ptycho runs send run --mlflow-uri http://localhost:5000",
	},
	"runs send": {
		"ptycho runs send run",
		"ptycho runs send run --mlflow-uri http://localhost:5000",
	},
	"plugins": {
		"ptycho plugins list",
		"ptycho plugins doctor xla",
	},
	"plugins list": {
		"ptycho plugins list",
		"ptycho plugins list --json",
	},
	"plugins doctor": {
		"ptycho plugins doctor",
		"ptycho plugins doctor xla",
	},
	"plugins setup": {
		"ptycho plugins setup xla",
		"ptycho plugins setup xla --device cuda",
	},
	"plugins install": {
		"ptycho plugins install ./ptycho-backend-mine",
		"ptycho plugins install ptycho_backend-0.1.0-py3-none-any.whl ptycho_backend_mine-0.1.0-py3-none-any.whl",
	},
	"plugins verify": {
		"ptycho plugins verify",
		"ptycho plugins verify mine",
	},
	"plugins remove": {
		"ptycho plugins remove mine",
		"ptycho plugins remove mine --version 0.1.0",
	},
	"plugins new": {
		"ptycho plugins new mine --lang go",
		"ptycho plugins new mine --lang python",
	},
	"completion": {
		"source <(ptycho completion bash)",
		"ptycho completion fish > ~/.config/fish/completions/ptycho.fish",
	},
	"version": {
		"ptycho version",
		"ptycho version --json",
	},
}
