package main

import (
	"encoding/json"

	"github.com/Masterminds/semver/v3"
)

// readSemver reads a version: {"version": …} gives it as Masterminds writes it.
func readSemver(input json.RawMessage) (any, error) {
	var asked struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	read, err := semver.StrictNewVersion(asked.Version)
	if err != nil {
		return nil, err
	}
	return read.String(), nil
}
