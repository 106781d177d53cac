package main

import (
	"encoding/json"

	"sigs.k8s.io/yaml"
)

// readYAML reads a document as Kubernetes does: {"text": …} gives its JSON.
func readYAML(input json.RawMessage) (any, error) {
	var asked struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	read, err := yaml.YAMLToJSON([]byte(asked.Text))
	return json.RawMessage(read), err
}
