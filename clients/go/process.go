package orharness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
)

// API is the number of the control API that this package speaks.
const API = 1

var (
	shared     *Process
	sharedLock sync.Mutex
	words      = regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`)
)

// serverURL is the server of this process: ORHARNESS_URL, or one that is started once.
func serverURL() (string, error) {
	if given := strings.TrimRight(os.Getenv("ORHARNESS_URL"), "/"); given != "" {
		return given, check(given)
	}
	sharedLock.Lock()
	defer sharedLock.Unlock()
	if shared == nil {
		started, err := StartServer()
		if err != nil {
			return "", err
		}
		shared = started
	}
	return shared.URL, nil
}

// check is an error unless a server of orharness is there that speaks our API.
func check(address string) error {
	var about About
	if err := ask(http.MethodGet, address+root, nil, nil, &about); err != nil {
		return err
	}
	if about.Program == "orharness" && about.API == API {
		return nil
	}
	return fmt.Errorf("%s speaks version %d of the control API (orharness %s), and this package version %d: update the"+
		" older of the two", address, about.API, about.Version, API)
}

// Process is a server that runs as a process of its own.
type Process struct {
	URL string

	command *exec.Cmd
	stdin   io.Closer
}

// StartServer starts a server, which ends with this process, also where this one is killed. Its command is
// ORHARNESS_COMMAND, or orharness from PATH.
func StartServer() (*Process, error) {
	var command []string
	for _, found := range words.FindAllStringSubmatch(os.Getenv("ORHARNESS_COMMAND"), -1) {
		command = append(command, found[1]+found[2]+found[3])
	}
	if len(command) == 0 {
		command = []string{"orharness"}
	}
	process := exec.Command(command[0], append(command[1:], "serve", "--until-eof")...)
	var said bytes.Buffer
	process.Stderr = &said
	stdin, err := process.StdinPipe() // the server ends when it does
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, notStarted(command[0], err)
	}
	started := &Process{command: process, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = started.Stop()
		return nil, fmt.Errorf("%s ended before it listened: %s", command[0], said.String())
	}
	started.URL = strings.TrimSuffix(strings.TrimSpace(line), "/v1")
	if !strings.HasPrefix(started.URL, "http://") {
		_ = started.Stop()
		return nil, fmt.Errorf("%s is another program than orharness: it printed %q", command[0], line)
	}
	if err := check(started.URL); err != nil {
		_ = started.Stop()
		return nil, err
	}
	return started, nil
}

// Stop ends the server.
func (p *Process) Stop() error {
	_ = p.stdin.Close()
	return p.command.Wait()
}

func notStarted(program string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is not there: %s", program, howToInstall())
	}
	return fmt.Errorf("%s cannot be run: %w", program, err)
}

// howToInstall names the clone that this package is part of, where it is one.
func howToInstall() string {
	clone := "PATH-OF-THE-CLONE"
	if _, file, _, known := runtime.Caller(0); known {
		here := filepath.Dir(filepath.Dir(filepath.Dir(file)))
		if _, err := os.Stat(filepath.Join(here, "orharness", "py.typed")); err == nil {
			clone = fmt.Sprintf("%q", here)
		}
	}
	return fmt.Sprintf("nothing is downloaded for you; install it with\n\n    python -m pip install %s\n\nor name its"+
		" command in ORHARNESS_COMMAND, or the address of a server that runs in ORHARNESS_URL. `pip install orharness`"+
		" would install a stranger's package", clone)
}
