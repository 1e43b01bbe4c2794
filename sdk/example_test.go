package sdk_test

import (
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/sdk"
)

// The main function of a plugin's program; ptycho starts it with --backend ./FILE.
func ExampleServe() {
	sdk.Serve(oracle.New())
}
