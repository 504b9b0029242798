package main

import (
	"fmt"
	"os"

	"github.com/coredns/caddy"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

// dns serves the names of a cluster: CoreDNS with the few plugins that this takes. Its argument is the Corefile.
//
// CoreDNS' own main links all plugins, with the clients of three clouds, and defines flags that others define too.
func dns() {
	if len(os.Args) != 2 {
		stop("usage: kube coredns COREFILE")
	}
	corefile, err := os.ReadFile(os.Args[1])
	if err != nil {
		stop(err)
	}
	caddy.Quiet = true
	caddy.TrapSignals()
	server, err := caddy.Start(caddy.CaddyfileInput{Contents: corefile, Filepath: os.Args[1], ServerTypeName: "dns"})
	if err != nil {
		stop(err)
	}
	server.Wait()
}

func stop(reason any) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
