// SPDX-License-Identifier: Apache-2.0

//go:build !replay

package replay_test

import (
	"os/exec"
	"strings"
	"testing"

	"danh/internal/reader/replay"
)

// TestReplayingBuild runs the tests of the build that replays.
func TestReplayingBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles anew")
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-tags", "replay", ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestUsualBuildReplaysNothing: neither the device nor the simulated chip is in it.
func TestUsualBuildReplaysNothing(t *testing.T) {
	if d, err := replay.Open(t.TempDir()); err == nil || d != nil || replay.Available {
		t.Fatal(d, err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "danh/cmd/danh").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Fatalf("only %d packages are in the program", len(deps))
	}
	for _, d := range deps {
		if strings.HasSuffix(d, "/readertest") {
			t.Errorf("the program holds %s", d)
		}
	}
}
