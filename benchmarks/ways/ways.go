// A client's process, as benchmarks/ways/__main__.py: it is told what to do line by line, and answers with a line each.
// Clients in Go walk the ways to cancel that the manual of net/http shows, with the standard library alone.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const body = `{"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true}`

// CLOCK_MONOTONIC in seconds: on Linux the clock that Python's time.monotonic() shows.
func monotonic() float64 {
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&now)), 0)
	return float64(now.Sec) + float64(now.Nsec)/1e9
}

// The little application around a way to cancel: where its server is, its stop button, and what that does.
type app struct {
	baseURL string
	mutex   sync.Mutex
	stopped bool
	acts    []func()
	over    chan struct{}
}

func (a *app) onStop(act func()) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.acts = append(a.acts, act)
	if a.stopped {
		go act()
	}
}

func (a *app) press() float64 {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	moment := monotonic()
	a.stopped = true
	for _, act := range a.acts {
		go act() // what the button does may block
	}
	return moment
}

func (a *app) isStopped() bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.stopped
}

func (a *app) ask(ctx context.Context) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, "POST", a.baseURL+"/chat/completions", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(request)
}

// read reads lines until the stop is seen, or the body ends.
func (a *app) read(response *http.Response) error {
	scanner := bufio.NewScanner(response.Body)
	for scanner.Scan() {
		if a.isStopped() {
			return nil
		}
	}
	return scanner.Err()
}

var ways = map[string]func(*app) error{
	// https://pkg.go.dev/net/http#pkg-overview: "the caller must close the response body when finished with it"
	"leaveLoop": func(a *app) error {
		response, err := a.ask(context.Background())
		if err != nil {
			return err
		}
		return a.read(response)
	},
	"deferClose": func(a *app) error {
		response, err := a.ask(context.Background())
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return a.read(response)
	},
	"closeFromGoroutine": func(a *app) error {
		response, err := a.ask(context.Background())
		if err != nil {
			return err
		}
		a.onStop(func() { response.Body.Close() })
		return a.read(response)
	},
	// https://pkg.go.dev/net/http#NewRequestWithContext
	"cancelContext": func(a *app) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		a.onStop(cancel)
		response, err := a.ask(ctx)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return a.read(response)
	},
}

func (a *app) walk(way func(*app) error) {
	defer close(a.over)
	if err := way(a); err != nil && !a.isStopped() { // after the stop, reading may well fail
		fmt.Fprintln(os.Stderr, err)
	}
}

func main() {
	fmt.Printf("ready {\"Go\": %q}\n", strings.TrimPrefix(runtime.Version(), "go"))
	here := &app{over: make(chan struct{})}
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		words := strings.Fields(orders.Text())
		switch words[0] {
		case "walk":
			way, known := ways[strings.TrimPrefix(words[1], "ways:")]
			if !known {
				fmt.Fprintln(os.Stderr, "no such way:", words[1])
				os.Exit(1)
			}
			here = &app{baseURL: words[2], over: make(chan struct{})}
			go here.walk(way)
			fmt.Println("walking")
		case "stop":
			fmt.Println("pressed", strconv.FormatFloat(here.press(), 'f', 9, 64))
		case "collect":
			seconds, _ := strconv.ParseFloat(words[1], 64)
			select {
			case <-here.over:
			case <-time.After(time.Duration(seconds * float64(time.Second))):
			}
			runtime.GC()
			fmt.Println("collected")
		}
	}
}
