package main

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// computeStatus judges the health of an object: {"object": …} gives its status and message.
func computeStatus(input json.RawMessage) (any, error) {
	var asked struct {
		Object map[string]any `json:"object"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: asked.Object})
	if err != nil {
		return nil, err
	}
	return map[string]string{"status": string(result.Status), "message": result.Message}, nil
}
