// Command xla is the XLA backend as a plugin.
package main

import (
	"github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/sdk"
)

func main() { sdk.Serve(backend.New()) }
