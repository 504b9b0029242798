// Kube is a Kubernetes control plane and its command line in one binary, for tests.
//
// One link step instead of five keeps the build and the file small. The first word decides what runs: the name the
// binary is linked under (`kube-apiserver ...`) or, called as `kube`, its first argument (`kube kube-apiserver ...`).
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// programs maps a program's usual name to what runs it. A new one is an import and a line here.
var programs = map[string]func(){
	"etcd":                    func() { etcdmain.Main(os.Args) },
	"kube-apiserver":          func() { run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() { run(controllers.NewControllerManagerCommand()) },
	"kube-scheduler":          func() { run(scheduler.NewSchedulerCommand()) },
	"kubectl":                 func() { run(kubectl.NewDefaultKubectlCommand()) },
}

func run(command *cobra.Command) { os.Exit(cli.Run(command)) }

func main() {
	if _, linked := programs[filepath.Base(os.Args[0])]; !linked {
		os.Args = os.Args[1:]
	}
	if len(os.Args) > 0 {
		if program, known := programs[filepath.Base(os.Args[0])]; known {
			program()
			return
		}
	}
	names := slices.Sorted(maps.Keys(programs))
	fmt.Fprintf(os.Stderr, "usage: kube PROGRAM [ARGUMENTS], with one of these programs: %s\n", strings.Join(names, ", "))
	os.Exit(2)
}
