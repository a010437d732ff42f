// SPDX-License-Identifier: Apache-2.0

//go:build !pcsc

package pcsc_test

import (
	"os"
	"os/exec"
	"testing"

	"danh/internal/reader/pcsc"
)

// TestBuildsWithPCSC compiles and checks what the usual build leaves out.
func TestBuildsWithPCSC(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles with cgo")
	}
	if err := exec.CommandContext(t.Context(), "pkg-config", "--exists", "libpcsclite").Run(); err != nil {
		if os.Getenv("DANH_BROWSER") == "must" {
			t.Fatal("libpcsclite-dev and pkg-config are not installed; scripts/test-tools installs them")
		}
		t.Skip("libpcsclite-dev and pkg-config are not installed")
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "-tags", "pcsc", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestUsualBuildSaysThatItHasNone(t *testing.T) {
	if d, err := pcsc.Open(); err == nil || d != nil || pcsc.Available {
		t.Fatal(d, err)
	}
}
