package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// generateKustomization writes a folder's kustomization file as Flux does: {"files": {PATH: TEXT}, "path": FOLDER,
// "kustomization": OBJECT} gives {"file": TEXT}, and with "build": true {"resources": YAML}, too.
func generateKustomization(input json.RawMessage) (any, error) {
	var asked struct {
		Files         map[string]string `json:"files"`
		Path          string            `json:"path"`
		Kustomization map[string]any    `json:"kustomization"`
		Build         bool              `json:"build"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "tidegate-oracle-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	for name, text := range asked.Files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	folder := filepath.Join(root, filepath.FromSlash(asked.Path))
	generator := kustomize.NewGenerator(root, unstructured.Unstructured{Object: asked.Kustomization})
	if _, err := generator.WriteFile(folder); err != nil {
		return nil, err
	}
	written, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	if !asked.Build {
		return map[string]string{"file": string(written)}, nil
	}
	resources, err := kustomize.SecureBuild(root, folder, false)
	if err != nil {
		return nil, err
	}
	manifests, err := resources.AsYaml()
	if err != nil {
		return nil, err
	}
	return map[string]string{"file": string(written), "resources": string(manifests)}, nil
}
