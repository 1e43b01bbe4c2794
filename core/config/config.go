// Package config resolves the settings of a run. NewTraining and NewInference are its only doors: they take sources
// (defaults are built in; what the data says, presets, files, the environment, flags), put them in order of precedence,
// check everything at once, and give an immutable result in which every value knows where it came from and what it
// overrode. One table (Settings) drives flags, environment, files, checks and documentation: a new setting is one row of
// it and one field of a section, side by side in the file of the section.
package config

// sections is where a row of the table points into.
type sections struct {
	model     Model
	training  TrainingSettings
	inference InferenceSettings
	execution Execution
}

// Training is the resolved configuration of a training run: its data has been described, every rule holds. It cannot be
// changed. Only NewTraining makes one.
type Training struct{ resolution }

// NewTraining resolves the configuration of a training run. One of the sources has to be Data with the scan's model.n:
// nothing can be built or loaded before the data has been described. Its error is an *Error that lists everything that is
// wrong.
func NewTraining(sources ...Source) (*Training, error) {
	r, err := resolve(Train, sources, true)
	if err != nil {
		return nil, err
	}
	return &Training{*r}, nil
}

// Model is a copy of the section "model".
func (t *Training) Model() Model { return t.sections.model }

// Settings is a copy of the section "training".
func (t *Training) Settings() TrainingSettings { return t.sections.training }

// Execution is a copy of the section "execution".
func (t *Training) Execution() Execution { return t.sections.execution }

// Inference is the resolved configuration of a reconstruction: its model has been described. It cannot be changed. Only
// NewInference makes one.
type Inference struct{ resolution }

// NewInference resolves the configuration of a reconstruction. One of the sources has to be Data with the section model
// of the trained model. Its error is an *Error that lists everything that is wrong.
func NewInference(sources ...Source) (*Inference, error) {
	r, err := resolve(Infer, sources, true)
	if err != nil {
		return nil, err
	}
	return &Inference{*r}, nil
}

// Model is a copy of the section "model", the trained model's.
func (i *Inference) Model() Model { return i.sections.model }

// Settings is a copy of the section "inference".
func (i *Inference) Settings() InferenceSettings { return i.sections.inference }

// Execution is a copy of the section "execution".
func (i *Inference) Execution() Execution { return i.sections.execution }
