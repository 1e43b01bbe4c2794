//go:build linux

// Command large measures ptycho on scans that are larger than memory: it writes a simulated scan with Poisson counts, as HDF5 with
// bitshuffle-LZ4 and as npz, runs inspect, solve, train and infer on each, and prints one table of seconds and memory. Run it from the
// repository's root after make build:
//
//	go run ./bench/large -python PYTHON -dir FOLDER -gib 8
//
// PYTHON needs NumPy, h5py and hdf5plugin. FOLDER needs three times the size of the patterns, for both files and for the spool, and seven times
// for infer of all patterns, which keeps their patches. The scans are removed at the end, the logs of the commands stay.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// options are the flags.
type options struct {
	python, ptycho, folder string
	gib                    float64
	side                   int
	forms, commands        string
	images                 int    // of infer; 0: all
	rows                   string // of inspect and train; "": all
	network, image         string // further flags of train, and of infer
	keep                   bool
	spare                  float64 // GiB of the disk that stay free
}

func main() {
	var o options
	flag.StringVar(&o.python, "python", "python3", "interpreter with numpy, h5py and hdf5plugin")
	flag.StringVar(&o.ptycho, "ptycho", "bin/ptycho", "program to measure")
	flag.StringVar(&o.folder, "dir", "", "folder for the scans, the spool and the results (required)")
	flag.Float64Var(&o.gib, "gib", 8, "size of the patterns in GiB, as uint16")
	flag.IntVar(&o.side, "side", 128, "side of a pattern in pixels")
	flag.StringVar(&o.forms, "forms", "h5,npz", "forms of the scan")
	flag.StringVar(&o.commands, "commands", "inspect,solve,train,infer", "commands to run")
	flag.IntVar(&o.images, "infer-images", 0, "patterns for infer (0: all)")
	flag.StringVar(&o.rows, "rows", "", "patterns for inspect and train, such as 0:100000, where the disk has no room for the spool of all")
	flag.StringVar(&o.network, "network", "", "further flags of train, such as \"--n-filters-scale 1 --gridsize 1\" for a small network, of which infer of all patterns takes less time")
	flag.StringVar(&o.image, "image", "", "further flags of infer, such as \"--synchronise-phases off\", with which it keeps no patches on the disk")
	flag.BoolVar(&o.keep, "keep", false, "keep the scans, and use them in the next run")
	flag.Float64Var(&o.spare, "spare", 10, "GiB of the disk that must stay free")
	flag.Parse()
	ctx, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "large:", err)
		os.Exit(1)
	}
}

// run writes the scans and measures the commands.
func run(ctx context.Context, o options) error {
	if o.folder == "" || flag.NArg() > 0 {
		return fmt.Errorf("give -dir FOLDER, and no arguments")
	}
	if err := os.MkdirAll(o.folder, 0o777); err != nil {
		return err
	}
	var scans []string
	for _, form := range strings.Split(o.forms, ",") {
		if form != "h5" && form != "npz" {
			return fmt.Errorf("-forms %s: want h5, npz or both", o.forms)
		}
		scans = append(scans, filepath.Join(o.folder, "scan."+form))
	}
	if err := write(ctx, o, scans); err != nil {
		return err
	}
	if !o.keep {
		for _, name := range scans {
			defer os.Remove(name)
		}
	}
	fmt.Printf("%.4g GiB of patterns of %d×%d as uint16; MiB are the most that ptycho and its plugin had resident together\n\n", o.gib, o.side, o.side)
	fmt.Println("| scan | command | CPU-seconds | seconds | × reading | MiB | of them private | of them file pages | of them shared memory |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, name := range scans {
		reading, err := readOnce(ctx, name)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | reading the file | | %.1f | | | | | |\n", filepath.Ext(name)[1:], reading.Seconds())
		for _, command := range strings.Split(o.commands, ",") {
			if err := measure(ctx, o, name, command, reading); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes the scans that are missing, in one run of the script, after a check of the disk.
func write(ctx context.Context, o options, scans []string) error {
	args := []string{"scripts/large-scan.py", "--side", fmt.Sprint(o.side), fmt.Sprint(o.gib)}
	for _, name := range scans {
		if _, err := os.Stat(name); err != nil {
			args = append(args, name)
		}
	}
	if len(args) == 4 {
		return nil
	}
	const spool = 1 // the patterns once more
	need := o.gib*float64(len(args)-4+spool) + o.spare
	var disk unix.Statfs_t
	if err := unix.Statfs(o.folder, &disk); err != nil {
		return err
	}
	if free := float64(disk.Bavail) * float64(disk.Bsize) / (1 << 30); free < need {
		return fmt.Errorf("%s has %.1f GiB free, and %.1f are needed, of which %.1f stay free; give another -dir, or a smaller -gib", o.folder, free, need, o.spare)
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, o.python, args...)
	cmd.Stderr = os.Stderr
	if out, err := cmd.Output(); err != nil {
		return fmt.Errorf("%s %s: %w", o.python, strings.Join(args, " "), err)
	} else {
		fmt.Fprintf(os.Stderr, "%swritten in %.0f s\n", out, time.Since(began).Seconds())
	}
	return nil
}

// readOnce returns the time of reading a file that is not in memory.
func readOnce(ctx context.Context, name string) (time.Duration, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	forget(f)
	buffer := make([]byte, 1<<20)
	began := time.Now()
	for {
		n, err := f.Read(buffer)
		if n == 0 {
			break
		}
		if err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
	}
	took := time.Since(began)
	forget(f)
	return took, nil
}

// forget removes a file's pages from memory, so that the next reader takes them from the disk.
func forget(f *os.File) {
	_ = f.Sync()
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// measure runs one command on a scan and prints its row.
func measure(ctx context.Context, o options, name, command string, reading time.Duration) error {
	form := filepath.Ext(name)[1:]
	of := func(what string) string { return filepath.Join(o.folder, what+"-"+form) }
	args, ok := map[string][]string{
		"inspect": {"inspect", name},
		"solve":   {"solve", "--data", name, "--n-images", "20000", "--output-dir", of("solved"), "--overwrite"},
		"train":   {"train", "--train-data-file", name, "--max-steps", "200", "--output-dir", of("model"), "--overwrite"},
		"infer":   {"infer", "--trust-data", "--model-path", of("model"), "--test-data", name, "--output-dir", of("image"), "--overwrite"},
	}[command]
	if !ok {
		return fmt.Errorf("-commands: unknown command %q, want inspect, solve, train or infer", command)
	}
	if command == "train" {
		args = append(args, strings.Fields(o.network)...)
	}
	if command == "infer" {
		args = append(args, strings.Fields(o.image)...)
	}
	if command == "infer" && o.images > 0 {
		args = append(args, "--n-images", fmt.Sprint(o.images))
	}
	if (command == "inspect" || command == "train") && o.rows != "" {
		args = append(args, "--rows", o.rows)
	}
	log, err := os.Create(filepath.Join(o.folder, command+"-"+form+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	if f, err := os.Open(name); err == nil {
		forget(f)
		f.Close()
	}
	cmd := exec.CommandContext(ctx, o.ptycho, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "TMPDIR="+o.folder) // the spool
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	peak := watch(cmd.Process.Pid)
	err = cmd.Wait()
	took, most := time.Since(began).Seconds(), peak()
	if err != nil {
		return fmt.Errorf("ptycho %s: %w; see %s", strings.Join(args, " "), err, log.Name())
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() // with the plugin's
	fmt.Printf("| %s | %s | %.0f | %.1f | %.1f | %d | %d | %d | %d |\n", form, command, cpu.Seconds(), took, took/reading.Seconds(), most.total()>>10, most.private>>10, most.file>>10, most.shared>>10)
	return nil
}
