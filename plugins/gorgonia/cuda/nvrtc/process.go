package nvrtc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// newest is the newest architecture, 10 times the compute capability, that the compiler of the PTX knows.
const newest = 90

// Variable names another library of NVRTC, or is off.
const Variable = "PTYCHO_NVRTC"

// orderVariable makes a program with this package compile the kernels, write them to standard output, and end. Its value is an order.
const orderVariable = "PTYCHO_GORGONIA_COMPILE"

// patience limits the time of the compiler, which needs five seconds of a processor for a precision.
var patience = 2 * time.Minute

// Kernels returns the kernels for elements of size bytes in the machine code of a GPU, and where they come from. Without an NVRTC that
// is newer than the compiler of the PTX, or on a GPU that this compiler knows, it returns nothing and no error: the PTX serves.
// NVRTC runs in a process of its own, so that it may crash or hang.
func Kernels(ctx context.Context, major, minor, size int) (image []byte, from string, err error) {
	o := order{architecture: 10*major + minor, size: size, library: os.Getenv(Variable)}
	if o.architecture <= newest || o.library == "off" {
		return nil, "", nil
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("the program cannot start itself to compile the CUDA kernels: %w", err)
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(limited, self)
	cmd.Env = append(os.Environ(), orderVariable+"="+o.String())
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &said, time.Second
	err = cmd.Run()
	text := strings.TrimSpace(said.String())
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case limited.Err() != nil:
		return nil, "", fmt.Errorf("NVRTC did not compile the CUDA kernels within %v", patience)
	case err != nil:
		const most = 500 // of what it printed
		return nil, "", fmt.Errorf("NVRTC did not compile the CUDA kernels: %w: %s", err, text[:min(most, len(text))])
	}
	return out.Bytes(), text, nil
}

func init() {
	text := os.Getenv(orderVariable)
	if text == "" {
		return
	}
	image, from, err := fulfil(text)
	if err == nil {
		_, err = os.Stdout.Write(image)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, from)
	os.Exit(0)
}

// fulfil carries out an order in the process that was started for it.
func fulfil(text string) (image []byte, from string, err error) {
	o, err := parse(text)
	if err != nil {
		return nil, "", err
	}
	return o.kernels()
}

// order asks for the kernels of an architecture.
type order struct {
	architecture int // 10 times the compute capability
	size         int // bytes of an element
	library      string
}

func (o order) String() string { return fmt.Sprintf("%d %d %s", o.architecture, o.size, o.library) }

func parse(text string) (o order, err error) {
	if _, err := fmt.Sscanf(text, "%d %d", &o.architecture, &o.size); err != nil {
		return o, fmt.Errorf("%s=%q is not an order: %w", orderVariable, text, err)
	}
	words := strings.SplitN(text, " ", 3)
	if len(words) == 3 {
		o.library = words[2]
	}
	if o.size != 4 && o.size != 8 {
		return o, errors.New(orderVariable + " asks for elements of a size that is neither 4 nor 8")
	}
	return o, nil
}
