// Command gorgonia is the Gorgonia backend as a separate plugin. The ptycho program contains the same backend.
package main

import (
	"github.com/ptychogo/ptycho/plugins/gorgonia/backend"
	"github.com/ptychogo/ptycho/sdk"
)

func main() { sdk.Serve(backend.New()) }
