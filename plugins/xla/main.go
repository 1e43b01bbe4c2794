// Command xla is the XLA backend as a plugin: ptycho train --backend xla. It is a separate program because XLA needs cgo
// and a library of 260 MB, which ptycho plugins setup xla installs.
package main

import (
	"fmt"
	"os"

	xla "github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/sdk"
)

func main() {
	useHugePages()
	if len(os.Args) == 3 && os.Args[1] == xla.TrialCommand { // by this program itself
		if err := xla.Trial(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	sdk.Serve(xla.New(), sdk.Setup(setup), sdk.Doctor(doctor))
}
