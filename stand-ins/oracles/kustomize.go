package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
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
	root, err := writeFiles(asked.Files)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
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

// buildFolder builds a folder as it is: {"files": {PATH: TEXT}, "path": FOLDER} gives in "read" the files that kustomize
// read, whether or not there were any, and in "failure" why nothing came of it.
func buildFolder(input json.RawMessage) (any, error) {
	var asked struct {
		Files map[string]string `json:"files"`
		Path  string            `json:"path"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	root, err := writeFiles(asked.Files)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	recorded := &recordingFileSystem{FileSystem: filesys.MakeFsOnDisk(), root: root, read: map[string]bool{}}
	given := struct {
		Read    []string `json:"read"`
		Failure string   `json:"failure,omitempty"`
	}{Read: []string{}}
	// With the options of kubectl, and of Flux, whose own call reads the schema of Kubernetes anew each time.
	builder := krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	})
	resources, err := builder.Run(recorded, filepath.Join(root, filepath.FromSlash(asked.Path)))
	if err == nil {
		_, err = resources.AsYaml()
	}
	if err != nil {
		given.Failure = strings.ReplaceAll(err.Error(), root, "")
	}
	for name := range recorded.read {
		given.Read = append(given.Read, name)
	}
	slices.Sort(given.Read)
	return given, nil
}

// recordingFileSystem remembers which files were read.
type recordingFileSystem struct {
	filesys.FileSystem
	root string
	read map[string]bool
}

func (recorded *recordingFileSystem) ReadFile(path string) ([]byte, error) {
	content, err := recorded.FileSystem.ReadFile(path)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(recorded.root, path)
	if err != nil {
		return nil, err
	}
	recorded.read[filepath.ToSlash(relative)] = true
	return content, nil
}

// writeFiles makes a folder that holds these files and no other.
func writeFiles(files map[string]string) (string, error) {
	temporary, err := os.MkdirTemp("", "tidegate-oracle-")
	if err != nil {
		return "", err
	}
	// kustomize resolves links, and the folder of temporary files may be one.
	root, err := filepath.EvalSymlinks(temporary)
	if err != nil {
		return "", err
	}
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return root, nil
}
