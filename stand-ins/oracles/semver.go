package main

import (
	"encoding/json"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/version"
)

// readSemver reads versions as Flux does: {"range": RANGE, "versions": [TEXT…]} says of each what it is to the range, and
// how it compares to the one before it: {"valid": …, "matches": …, "compared": -1, 0, 1}. Its error is the range's.
func readSemver(input json.RawMessage) (any, error) {
	var asked struct {
		Range    string   `json:"range"`
		Versions []string `json:"versions"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	constraint, err := semver.NewConstraint(asked.Range)
	if err != nil {
		return nil, err
	}
	type verdict struct {
		Valid    bool `json:"valid"`
		Matches  bool `json:"matches"`
		Compared *int `json:"compared,omitempty"`
	}
	verdicts := make([]verdict, 0, len(asked.Versions))
	var before *semver.Version
	for _, text := range asked.Versions {
		read, err := version.ParseVersion(text)
		if err != nil {
			before = nil
			verdicts = append(verdicts, verdict{})
			continue
		}
		given := verdict{Valid: true, Matches: constraint.Check(read)}
		if before != nil {
			compared := read.Compare(before)
			given.Compared = &compared
		}
		before = read
		verdicts = append(verdicts, given)
	}
	return verdicts, nil
}
