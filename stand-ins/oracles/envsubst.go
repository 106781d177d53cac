package main

import (
	"encoding/json"

	"github.com/fluxcd/pkg/envsubst"
)

// substitute fills a text's variables: {"text": …, "variables": …} gives the text.
func substitute(input json.RawMessage) (any, error) {
	var asked struct {
		Text      string            `json:"text"`
		Variables map[string]string `json:"variables"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	return envsubst.Eval(asked.Text, func(name string) (string, bool) {
		value, known := asked.Variables[name]
		return value, known
	})
}
