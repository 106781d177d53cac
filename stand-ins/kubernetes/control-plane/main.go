// Command control-plane is a whole Kubernetes control plane in one file: the binary that it is called as,
// or its first argument, says which part it plays.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func etcd(args []string) int {
	etcdmain.Main(append([]string{"etcd"}, args...))
	return 0
}

func run(command func() *cobra.Command) func([]string) int {
	return func(args []string) int {
		root := command()
		root.SetArgs(args)
		return cli.Run(root)
	}
}

var parts = map[string]func(args []string) int{
	"etcd":                    etcd,
	"kube-apiserver":          run(apiserver.NewAPIServerCommand),
	"kube-controller-manager": run(controllermanager.NewControllerManagerCommand),
	"kube-scheduler":          run(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubectl":                 run(kubectl.NewDefaultKubectlCommand),
}

func main() {
	if part, ok := parts[filepath.Base(os.Args[0])]; ok {
		os.Exit(part(os.Args[1:]))
	}
	if len(os.Args) > 1 {
		if part, ok := parts[os.Args[1]]; ok {
			name := os.Args[1]
			args := os.Args[2:]
			os.Args = append([]string{name}, args...)
			os.Exit(part(args))
		}
	}
	fmt.Fprintln(os.Stderr, "usage: control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kubectl [flags]")
	os.Exit(2)
}
