//go:build !linux

package devstack

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// localeName is a UTF-8 locale that macOS and the BSDs have.
const localeName = "en_US.UTF-8"

// descendants lists the processes below pid, as ps reports them.
func descendants(pid int) ([]int, error) {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	children := map[int][]int{}
	for line := range strings.Lines(string(out)) {
		var child, parent int
		if n, err := fmt.Sscan(line, &child, &parent); err == nil && n == 2 {
			children[parent] = append(children[parent], child)
		}
	}
	return below(pid, children), nil
}

// commandLine is how a process was started, "" when there is none.
func commandLine(pid int) string {
	out, err := exec.Command("ps", "-p", strconv.Itoa(pid), "-o", "command=").Output()
	if err != nil {
		return ""
	}
	return string(out)
}
