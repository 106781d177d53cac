// Command authenticator asks aws-iam-authenticator whose tokens they are, one JSON text a line on its standard input,
// and answers a line each. STS is whatever listens at the given loopback address; nothing leaves the machine.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/sirupsen/logrus"
	"sigs.k8s.io/aws-iam-authenticator/pkg/token"
)

const module = "sigs.k8s.io/aws-iam-authenticator"

type answer struct {
	// Asked says that the token passed every check that comes before the call to STS.
	Asked        bool   `json:"asked"`
	Error        string `json:"error,omitempty"`
	CanonicalARN string `json:"canonicalArn,omitempty"`
	AccessKeyID  string `json:"accessKeyId,omitempty"`
}

func main() {
	cluster := flag.String("cluster", "", "the cluster that the tokens have to be for")
	region := flag.String("region", "", "the region of the cluster")
	sts := flag.String("sts", "", "the loopback address, host:port, that plays STS over plain HTTP")
	version := flag.Bool("version", false, "print the version of the library and exit")
	flag.Parse()
	if *version {
		fmt.Println(libraryVersion())
		return
	}
	if err := run(*cluster, *region, *sts, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(cluster, region, sts string, in io.Reader, out io.Writer) error {
	host, _, err := net.SplitHostPort(sts)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("flag -sts is %q; allowed: a loopback address with its port", sts)
	}
	logrus.SetOutput(io.Discard)
	calls := &countedCalls{to: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("only https is asked")
		},
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", sts)
		},
	}}
	// The library's client has no transport of its own, so this one is used, whatever host the token names.
	http.DefaultTransport = calls
	verifier := token.NewVerifier(cluster, "aws", region)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	answers := json.NewEncoder(out)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			return fmt.Errorf("line %q is not a JSON text: %w", lines.Text(), err)
		}
		if err := answers.Encode(ask(verifier, calls, text)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func ask(verifier token.Verifier, calls *countedCalls, text string) answer {
	before := calls.made
	identity, err := verifier.Verify(text)
	asked := calls.made > before
	if err != nil {
		return answer{Asked: asked, Error: err.Error()}
	}
	return answer{Asked: asked, CanonicalARN: identity.CanonicalARN, AccessKeyID: identity.AccessKeyID}
}

type countedCalls struct {
	to   http.RoundTripper
	made int
}

func (c *countedCalls) RoundTrip(request *http.Request) (*http.Response, error) {
	c.made++
	return c.to.RoundTrip(request)
}

func libraryVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				return dependency.Version
			}
		}
	}
	return "unknown"
}
