package config

import "slices"

// Draft is a configuration of which only the static rules have been checked. It tells where the data or the model lies
// and which backend is asked for, so that they can be described; nothing can be trained or reconstructed with it.
type Draft struct {
	resolution
	sources []Source
}

// Check resolves what can be known before any file of data is opened. Its error is an *Error that lists everything that
// is wrong.
func Check(c Command, sources ...Source) (*Draft, error) {
	r, err := resolve(c, sources, false)
	if err != nil {
		return nil, err
	}
	return &Draft{*r, slices.Clone(sources)}, nil
}

// Settings is a copy of the section "training".
func (d *Draft) Settings() TrainingSettings { return d.sections.training }

// Inference is a copy of the section "inference".
func (d *Draft) Inference() InferenceSettings { return d.sections.inference }

// Execution is a copy of the section "execution".
func (d *Draft) Execution() Execution { return d.sections.execution }

// Training completes the draft of a training run with what its data says about itself.
func (d *Draft) Training(data Source) (*Training, error) {
	return NewTraining(append(slices.Clone(d.sources), data)...)
}

// Reconstruction completes the draft of a reconstruction with what the trained model says about itself.
func (d *Draft) Reconstruction(model Source) (*Inference, error) {
	return NewInference(append(slices.Clone(d.sources), model)...)
}
