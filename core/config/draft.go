package config

import "slices"

// Draft is a configuration whose static rules have been checked. It names the data or the model and the backend, so
// that these can be described. It cannot be used to train or reconstruct.
type Draft struct {
	resolution
	sources []Source
}

// Check resolves what is known before a data file is opened. Its error is an *Error that lists every violation.
func Check(c Command, sources ...Source) (*Draft, error) {
	r, err := resolve(c, sources, false)
	if err != nil {
		return nil, err
	}
	return &Draft{*r, slices.Clone(sources)}, nil
}

// Settings returns a copy of the section "training".
func (d *Draft) Settings() TrainingSettings { return d.sections.training }

// Inference returns a copy of the section "inference".
func (d *Draft) Inference() InferenceSettings { return d.sections.inference }

// Execution returns a copy of the section "execution".
func (d *Draft) Execution() Execution { return d.sections.execution }

// Training completes the draft of a training run with the description of its data.
func (d *Draft) Training(data Source) (*Training, error) {
	return NewTraining(append(slices.Clone(d.sources), data)...)
}

// Reconstruction completes the draft of a reconstruction with the description of the trained model.
func (d *Draft) Reconstruction(model Source) (*Inference, error) {
	return NewInference(append(slices.Clone(d.sources), model)...)
}
