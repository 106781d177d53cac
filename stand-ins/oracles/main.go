// Command oracles asks the Go libraries whose behaviour Tidegate promises to have. Each line of its standard input is a
// question, {"oracle": NAME, "input": …}, and is answered by a line, {"output": …} or {"error": TEXT}.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// An oracle answers one question; its error is an answer, too: what the library refuses.
type oracle func(input json.RawMessage) (any, error)

// One file an oracle.
var oracles = map[string]oracle{
	"yaml":      readYAML,
	"scalar":    readScalar,
	"semver":    readSemver,
	"kstatus":   computeStatus,
	"envsubst":  substitute,
	"kustomize": generateKustomization,
	"build":     buildFolder,
	"tags":      extractTags,
}

type question struct {
	Oracle string          `json:"oracle"`
	Input  json.RawMessage `json:"input"`
}

type answer struct {
	Output any     `json:"output,omitempty"`
	Error  *string `json:"error,omitempty"`
}

func main() {
	version := flag.Bool("version", false, "print the versions of the libraries and exit")
	flag.Parse()
	if *version {
		printVersions(os.Stdout)
		return
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	buffered := bufio.NewWriter(out)
	defer buffered.Flush()
	answers := json.NewEncoder(buffered)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return fmt.Errorf("line %.200q is not a question: %w", lines.Text(), err)
		}
		ask, known := oracles[asked.Oracle]
		if !known {
			return fmt.Errorf("oracle %q is not known", asked.Oracle)
		}
		if err := answers.Encode(answerOf(ask, asked.Input)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// A library that panics refuses its input.
func answerOf(ask oracle, input json.RawMessage) (given answer) {
	defer func() {
		if reason := recover(); reason != nil {
			text := fmt.Sprintf("panic: %v", reason)
			given = answer{Error: &text}
		}
	}()
	output, err := ask(input)
	if err != nil {
		text := err.Error()
		return answer{Error: &text}
	}
	return answer{Output: output}
}

func printVersions(out io.Writer) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			fmt.Fprintln(out, dependency.Path, dependency.Version)
		}
	}
}
