package main

import (
	"encoding/json"

	"github.com/fluxcd/pkg/runtime/statusreaders"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubernetesjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// computeStatus judges the health of an object: {"json": TEXT} gives its status and message, in "kstatus" those of kstatus
// itself, and in "flux" those that Flux waits for, which reads Jobs in its own way. What kstatus cannot read is Unknown.
func computeStatus(input json.RawMessage) (any, error) {
	var asked struct {
		JSON string `json:"json"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	var read map[string]any
	// As clients of Kubernetes read what a server sends: whole numbers stay whole.
	if err := kubernetesjson.Unmarshal([]byte(asked.JSON), &read); err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: read}
	computed, err := status.Compute(object)
	if err != nil {
		computed = &status.Result{Status: status.UnknownStatus, Message: err.Error()}
	}
	waited := verdict{Status: string(computed.Status), Message: computed.Message}
	if object.GroupVersionKind().Group == "batch" && object.GetKind() == "Job" {
		job := statusreaders.ComputeJobStatus(object)
		waited = verdict{Status: string(job.Status), Message: job.Message}
	}
	return map[string]verdict{"kstatus": {Status: string(computed.Status), Message: computed.Message}, "flux": waited}, nil
}

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}
