package train

import (
	"fmt"
	"math"
	"strconv"

	"github.com/ptychogo/ptycho/host/train/loop"
)

var metricsHeader = []string{"epoch", "step", "learning_rate", "loss", "deviance", "expected_deviance", "flat_deviance",
	"validation_deviance", "grad_norm", "contrast", "response", "patterns_per_second", "waited_seconds"}

// significantDigits is the number of digits of a metric in text. A float32 has no more.
const significantDigits = 8

// Epoch writes the metrics of all epochs so far.
func (f *folder) Epoch(all []loop.EpochRecord) error {
	var rows [][]string
	for _, e := range all {
		row := []string{strconv.Itoa(e.Epoch), strconv.Itoa(e.Step)}
		validation := math.NaN()
		if e.ValidationDeviance != nil {
			validation = *e.ValidationDeviance
		}
		for _, v := range []float64{e.LearningRate, e.Loss, e.Deviance, e.ExpectedDeviance, e.FlatDeviance, validation, e.GradNorm, e.Contrast, e.Response, e.PatternsPerSecond, e.Waited} {
			text := strconv.FormatFloat(v, 'g', significantDigits, 64)
			if math.IsNaN(v) {
				text = ""
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	validated := ""
	last := all[len(all)-1]
	if last.ValidationDeviance != nil {
		validated = fmt.Sprintf(", validation %.4g", *last.ValidationDeviance)
	}
	f.host.Notice("epoch %d of %d: deviance %.4g per pixel (perfect fit %.3g, flat object %.3g)%s, %.0f patterns/s", last.Epoch, f.cfg.Settings().MaxEpochs, last.Deviance, last.ExpectedDeviance, last.FlatDeviance, validated, last.PatternsPerSecond)
	return f.dir.WriteTable(metricsFile, metricsHeader, rows)
}
