package config

import (
	"strings"
	"testing"
)

// TestAddress_CredentialsAreNeitherStoredNorShown looks at everything that a configuration can be turned into.
func TestAddress_CredentialsAreNeitherStoredNorShown(t *testing.T) {
	const secret, given, over = "s3cret", "https://u:s3cret@host/a?token=s3cret", "https://u:s3cret@other/b"
	c, err := NewTraining(
		Environment([]string{"PTYCHO_EXECUTION__MLFLOW_URI=" + over}),
		Flags(Train, map[string]string{"mlflow-uri": given, "logger": "mlflow", "train-data-file": "scan.npz", "output-dir": "out"}),
		Data("scan.npz", map[string]any{"model.n": 64}))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Execution().MLflowURI; got != given {
		t.Errorf("the run gets %s, want the address with its credentials", got)
	}
	stored, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := c.SettingsJSON()
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]string{"config.json": string(stored), "YAML": string(c.YAML()), "JSON": string(settings), "explain": c.Explain()}
	for _, v := range c.Values() {
		outputs["value "+v.Setting.Key()] = v.Text
	}
	for name, text := range outputs {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the credentials", name)
		}
		if !strings.HasPrefix(name, "value ") && (!strings.Contains(text, "https://host/a") || strings.Contains(name, "explain") && !strings.Contains(text, "https://other/b")) {
			t.Errorf("%s does not hold the address", name)
		}
	}
}

// TestAddress_OfAnOlderRunIsShownWithoutCredentials reads a config.json that an earlier version wrote.
func TestAddress_OfAnOlderRunIsShownWithoutCredentials(t *testing.T) {
	old := `{"format":"ptycho-config","version":1,"command":"train","directory":"/","settings":[{"key":"execution.mlflow-uri","value":"https://u:s3cret@host","layer":"flag","origin":"--mlflow-uri","explicit":true,"overrode":[{"value":"https://u:s3cret@other","origin":"x"}]}]}`
	o, err := recordedJSON("config.json", []byte(old))
	if err != nil {
		t.Fatal(err)
	}
	if text := o.Explain() + string(o.YAML()); strings.Contains(text, "s3cret") || !strings.Contains(text, "https://other") {
		t.Errorf("want the addresses without credentials: %s", text)
	}
}

// TestError_HoldsNoCredentials gives an address where none is expected.
func TestError_HoldsNoCredentials(t *testing.T) {
	for name, s := range map[string]Source{
		"key":   Set("execution.mlflow-url=https://u:s3cret@host"),
		"form":  Set("https://u:s3cret@host"),
		"value": Flags(Train, map[string]string{"batch-size": "https://u:s3cret@host"}),
		"idle":  Flags(Train, map[string]string{"mlflow-uri": "https://u:s3cret@host", "logger": "csv"}),
	} {
		if _, err := Check(Train, s); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
