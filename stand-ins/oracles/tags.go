package main

import (
	"encoding/json"
	"regexp"
)

// extractTags filters tags as an ImagePolicy's filterTags does: {"pattern": TEXT, "extract": TEXT, "tags": [TEXT…]} gives
// for each tag what is left to order, or null for one that the pattern leaves out. Its error is the pattern's.
func extractTags(input json.RawMessage) (any, error) {
	var asked struct {
		Pattern string   `json:"pattern"`
		Extract string   `json:"extract"`
		Tags    []string `json:"tags"`
	}
	if err := json.Unmarshal(input, &asked); err != nil {
		return nil, err
	}
	pattern, err := regexp.Compile(asked.Pattern)
	if err != nil {
		return nil, err
	}
	extracted := make([]*string, 0, len(asked.Tags))
	for _, tag := range asked.Tags {
		match := pattern.FindStringSubmatchIndex(tag)
		if match == nil {
			extracted = append(extracted, nil)
			continue
		}
		text := tag
		if asked.Extract != "" {
			text = string(pattern.ExpandString(nil, asked.Extract, tag, match))
		}
		extracted = append(extracted, &text)
	}
	return extracted, nil
}
