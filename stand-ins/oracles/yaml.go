package main

import (
	"encoding/json"
	"fmt"

	yamlv2 "go.yaml.in/yaml/v2"
	yamlv3 "go.yaml.in/yaml/v3"
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

// readScalar reads the value of a key as both go-yaml do: {"scalar": …} gives the type that v2 makes of it, the tag that
// v3 gives it, and the text where it is one.
func readScalar(input json.RawMessage) (any, error) {
	var asked struct {
		Scalar string `json:"scalar"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	text := []byte("key: " + asked.Scalar + "\n")
	var read map[string]any
	if err := yamlv2.Unmarshal(text, &read); err != nil {
		return nil, err
	}
	var tree yamlv3.Node
	if err := yamlv3.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	if len(tree.Content) != 1 || len(tree.Content[0].Content) != 2 {
		return nil, fmt.Errorf("is not one value of one key")
	}
	value := tree.Content[0].Content[1]
	return map[string]any{"v2": fmt.Sprintf("%T", read["key"]), "v3": value.ShortTag(), "text": value.Value}, nil
}
