package orharness_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	. "onerouter.pro/orharness"
)

var anything = Doc{
	"model": "m", "stream": true, "messages": []Doc{{"role": "user", "content": "Hi"}},
	"contents": []Doc{{"parts": []Doc{{"text": "Hi"}}}}, "max_tokens": 9, "input": "Hi",
}

// ask is a client: it reads an answer to its end, or until it is cancelled.
func ask(ctx context.Context, baseURL string, path ...string) (int, string, error) {
	body, _ := json.Marshal(anything)
	path = append(path, "/chat/completions")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, baseURL+path[0], strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

func asked(t *testing.T, baseURL string, path ...string) int {
	t.Helper()
	status, _, err := ask(context.Background(), baseURL, path...)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// inner is a test whose failure is expected.
type inner struct {
	said  string
	after []func()
}

func (i *inner) Helper()           {}
func (i *inner) Cleanup(f func())  { i.after = append(i.after, f) }
func (i *inner) Failed() bool      { return i.said != "" }
func (i *inner) Error(args ...any) { i.said += fmt.Sprint(args...) }
func (i *inner) Fatal(args ...any) { i.Error(args...); runtime.Goexit() }

// said is what a test fails with, its end included.
func said(test func(*inner)) string {
	i := &inner{}
	var done sync.WaitGroup
	run := func(step func()) {
		done.Add(1)
		go func() {
			defer done.Done()
			step()
		}()
		done.Wait()
	}
	run(func() { test(i) })
	for _, after := range i.after {
		run(after)
	}
	return i.said
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}

func TestAnUnmatchedRequestAndARouteNeverAskedFailTheTest(t *testing.T) {
	has(t, said(func(i *inner) {
		server := Start(i)
		server.Chat("x")
		asked(t, server.BaseURL, "/nowhere")
	}), "a request that no route answers", "a reply that was never asked for: POST /chat/completions")
	has(t, said(func(i *inner) { Start(i).Chat("x"); Start(i).Verify() }), "never asked for")
	has(t, said(func(i *inner) { server := Start(i); server.Chat("x"); server.End() }), "never asked for")
	if text := said(func(i *inner) { Start(i, Session{Lax: true}).Chat("x") }); text != "" {
		t.Error(text)
	}
	if text := said(func(i *inner) { Start(i).Chat("x"); i.Fatal("my own") }); text != "my own" {
		t.Error(text)
	}
}

func TestAClientThatDoesNotLeaveFailsWithTheTextOfPytest(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	has(t, said(func(i *inner) {
		server := Start(i)
		server.Within = 50 * time.Millisecond
		route := server.Chat(Answer{Tokens: 500}, With{Through: []any{Hold(3)}, Provider: "Anthropic"})
		go ask(ctx, server.BaseURL)
		route.Held()
		route.ExpectDisconnect(func() {})
	}), "the client did not leave within 0.05 s of the end of the block\n", "no bytes came after the block")
}

func TestAProviderThatDoesNotStopIsToldWithItsPrice(t *testing.T) {
	server := Start(t)
	route := server.Chat(Answer{Tokens: 500}, With{Through: []any{Hold(3)}, Provider: "Groq"})
	ctx, stop := context.WithCancel(context.Background())
	go ask(ctx, server.BaseURL)
	route.Held()
	if call := route.ExpectDisconnect(stop)[0]; call.Outcome != "cancelled" || call.Session != server.ID {
		t.Errorf("%+v", call)
	}
	route.AssertUpstreamStopped(1000)
}

func TestAStreamUnderWayIsHeldReleasedAndCut(t *testing.T) {
	server := Start(t, Session{Pacing: "recorded"})
	route := server.Chat(Answer{Tokens: 500}, With{Through: []any{Doc{"pace": 0.02}}, Provider: "Anthropic"})
	for index, by := range []string{"fin", "rst"} {
		done := make(chan error)
		go func() {
			_, _, err := ask(context.Background(), server.BaseURL)
			done <- err
		}()
		call := route.WaitCall(index + 1)
		server.Hold(call.ID)
		route.Held()
		if bills := Connect(t).Bills(); len(bills) == 0 {
			t.Error("no bill of a stream that is held")
		}
		server.Release(call.ID)
		if cut := server.Cut(call.ID, by); cut.Outcome != "faulted" {
			t.Errorf("%+v", cut)
		}
		if <-done == nil {
			t.Error("the client took it for a whole answer")
		}
	}
	has(t, server.Page(), "<!doctype html>", "cut by hand")
	if lanes := Connect(t).Lanes(); len(lanes) < 2 {
		t.Errorf("%d lanes", len(lanes))
	}
}

func TestARouteHoldsWhatIsUnderWay(t *testing.T) {
	server := Start(t, Session{Pacing: "recorded"})
	route := server.Chat(Answer{Tokens: 20}, With{Through: []any{Doc{"pace": 0.05}}})
	done := make(chan error)
	go func() {
		_, _, err := ask(context.Background(), server.BaseURL)
		done <- err
	}()
	if held := route.Hold(); len(held) != 1 || held[0].Outcome != "" {
		t.Errorf("%+v", held)
	}
	route.Held()
	route.Release(1)
	if err := <-done; err != nil {
		t.Error(err)
	}
	route.WaitFinished(1)
}

func TestAFileIsPlayedBeforeAllElse(t *testing.T) {
	server := Start(t, Session{Lax: true})
	server.Chat("of the test")
	route := server.Play("scenario.yaml", "orharness: 1\nroutes:\n- chat: from a file\n")[0]
	asked(t, server.BaseURL)
	stream := server.Stream(route.Call().ID)
	var text string
	for _, chunk := range stream.Chunks {
		text += string(chunk.Bytes)
	}
	if len(text) != stream.Size || stream.Total != len(stream.Chunks) {
		t.Errorf("%+v", stream)
	}
	has(t, text, `"from"`, "data: [DONE]")
}

func TestARecordingPlaysEachOfItsAnswersOnce(t *testing.T) {
	server := Start(t)
	har := `{"log": {"version": "1.2", "entries": [{
		"request": {"method": "POST", "url": "https://llm.example/v1/chat/completions", "headers": []},
		"response": {"status": 200, "headers": [{"name": "content-type", "value": "text/event-stream"}],
			"content": {"mimeType": "text/event-stream", "text": "data: recorded\n\ndata: [DONE]\n\n"}}}]}}`
	route := server.PlayOnce("recorded.har", har, Doc{"match_on": []string{"path"}})[0]
	if status := asked(t, server.BaseURL); status != 200 {
		t.Error(status)
	}
	if calls := route.Calls(); len(calls) != 1 {
		t.Errorf("%+v", calls)
	}
}

func TestAReleasedStreamGoesOnToItsEnd(t *testing.T) {
	server := Start(t)
	route := server.Chat("one two three four five six", With{Through: []any{Hold(3), "per_byte"}})
	done := make(chan string)
	go func() {
		_, text, _ := ask(context.Background(), server.BaseURL)
		done <- text
	}()
	if call := route.WaitCall(1); call.Request.Method != "POST" {
		t.Errorf("%+v", call)
	}
	route.Held()
	route.Release(1)
	has(t, <-done, "data: [DONE]")
	if call := route.WaitEnded(1); call.Outcome != "completed" {
		t.Errorf("%+v", call)
	}
	if call := route.WaitFinished(1); call.Finished == nil || !*call.Finished || call.Boundaries.Assumed != 0 {
		t.Errorf("%+v", call)
	}
}

func TestWhatASessionHasSeenCanBeAskedAtAnyTime(t *testing.T) {
	server := Start(t, Session{Pacing: "instant", Gateway: "openai", TTL: time.Minute})
	route := server.Chat("x")
	asked(t, server.BaseURL)
	call := route.Call()
	route.WaitEnded(1)
	if found := server.ShowCall(call.ID); found.Outcome != "completed" || found.Exchange.Status == nil {
		t.Errorf("%+v", found)
	}
	if info := route.Show(); info.Calls != 1 || info.Method != "POST" {
		t.Errorf("%+v", info)
	}
	if listed := server.ListRoutes(); len(listed) != 1 || listed[0].ID != route.ID {
		t.Errorf("%+v", listed)
	}
	has(t, server.Account(), "POST /v1/chat/completions")
	if info := server.Show(); info.Calls != 1 || *info.TTL != 60 {
		t.Errorf("%+v", info)
	}
	if entries := server.Journal(); len(entries) != 1 || entries[0].ID != call.ID || len(server.Calls()) != 1 {
		t.Errorf("%+v", entries)
	}
	var names []string
	server.Events(0, func(event Event) bool {
		names = append(names, event.Event)
		return event.Event != "ended"
	})
	if len(names) < 4 || names[0] != "request_read" {
		t.Error(names)
	}
	if !server.Verify().Passed {
		t.Error("not passed")
	}
	route.Remove()
	server.Reset()
	if len(server.Calls()) != 0 {
		t.Error(server.Calls())
	}
}

func TestEachAPIsOwnAnswers(t *testing.T) {
	server := Start(t)
	server.Messages("x")
	server.Responses("x")
	server.Gemini(Answer{Text: "x", ToolCalls: []ToolCall{{Name: "weather", Arguments: Doc{"city": "Bern"}}}})
	server.Ollama("x")
	paths := map[string]string{
		"/v1/messages": server.Origin, "/responses": server.BaseURL, "/v1beta/models/m:generateContent": server.Origin,
		"/api/chat": server.Origin,
	}
	for path, at := range paths {
		if status := asked(t, at, path); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestRoutesOfADocument(t *testing.T) {
	server := Start(t, Session{Scenario: Doc{"orharness": 1, "routes": []Doc{{"answer": "of the session"}}}})
	if len(server.Routes) != 1 {
		t.Error(server.Routes)
	}
	asked(t, server.BaseURL)
	server.Reset()
	server.Answer("x", With{When: Doc{"model": "m"}, Expect: &Expect{Outcome: "completed"}})
	asked(t, server.BaseURL)
	has(t, said(func(i *inner) { Start(i).Chat("x", With{Through: []any{Doc{"hodl": 3}}}) }), "did you mean hold", "/through/0")
	has(t, said(func(i *inner) { Start(i, Session{Lax: true}).Chat("x").Call() }), "the client never sent a request")
	has(t, said(func(i *inner) {
		server := Start(i)
		server.Timeout = 50 * time.Millisecond
		server.Chat("x").Held()
	}), "after 0.05 s no stream of POST /chat/completions is held")
}

func TestAServerThatRunsIsAskedForWhatBelongsToNoSession(t *testing.T) {
	server := Start(t, Session{Lax: true})
	harness := ConnectTo(t, server.URL+"/")
	if harness.About().Program != "orharness" || harness.OpenAPI()["openapi"] != "3.1.0" {
		t.Error(harness.About())
	}
	known := false
	for _, one := range harness.Sessions() {
		known = known || one.ID == server.ID
	}
	if !known {
		t.Error(harness.Sessions())
	}
	_ = harness.Journal()
	_ = server.Show() // its events are numbered from now on
	go ask(context.Background(), server.BaseURL)
	harness.Events(0, func(event Event) bool { return event.Session != server.ID })
}

func TestFiftySessionsStayApart(t *testing.T) {
	harness := Connect(t)
	var done sync.WaitGroup
	for number := 0; number < 50; number++ {
		server := harness.Open()
		text := fmt.Sprintf("text of %d.", number)
		route := server.Chat(text)
		done.Add(1)
		go func() {
			defer done.Done()
			if _, answer, err := ask(context.Background(), server.BaseURL); err != nil || !strings.Contains(answer, "DONE") {
				t.Error(answer, err)
			}
		}()
		defer func() {
			if call := route.Call(); call.Session != server.ID {
				t.Errorf("%+v", call)
			}
		}()
	}
	done.Wait()
}

// -- the server's process --------------------------------------------------------------------------------------------

func TestWhatIsNotOrharnessIsTold(t *testing.T) {
	for command, part := range map[string]string{
		"no-such-orharness": "no-such-orharness is not there: nothing is downloaded for you; install it with\n\n    python -m pip install ",
		"echo":              "is another program than orharness",
		fmt.Sprintf("'%s' -test.run none -test.no-such", os.Args[0]): "ended before it listened",
	} {
		t.Setenv("ORHARNESS_COMMAND", command)
		_, err := StartServer()
		if err == nil {
			t.Fatal(command)
		}
		has(t, err.Error(), part)
	}
}

func TestAServerOfAnotherVersionAndOneThatIsNoneAreTold(t *testing.T) {
	for answer, part := range map[string]string{
		`{"program":"orharness","api":99,"version":"9.9"}`: "speaks version 99 of the control API",
		"hello": "is not a server of orharness",
	} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		t.Setenv("ORHARNESS_URL", other.URL)
		has(t, said(func(i *inner) { Start(i) }), part)
		other.Close()
		has(t, said(func(i *inner) { ConnectTo(i, other.URL) }), "got no answer")
	}
}

func TestAServerEndsWhenItIsStopped(t *testing.T) {
	process, err := StartServer()
	if err != nil {
		t.Fatal(err)
	}
	ConnectTo(t, process.URL)
	if err := process.Stop(); err != nil {
		t.Error(err)
	}
	has(t, said(func(i *inner) { ConnectTo(i, process.URL) }), "got no answer")
}

// TestHelper is run by the test below, in a process that is killed.
func TestHelper(t *testing.T) {
	if os.Getenv("ORHARNESS_TEST_HELPER") == "" {
		t.Skip("a helper of another test")
	}
	process, err := StartServer()
	fmt.Println(process.URL, err)
	select {}
}

func TestAServerEndsWhereItsParentIsKilled(t *testing.T) {
	command := exec.Command(os.Args[0], "-test.run", "^TestHelper$")
	command.Env = append(os.Environ(), "ORHARNESS_TEST_HELPER=1")
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var url string
	fmt.Fscan(out, &url)
	ConnectTo(t, url)
	_ = command.Process.Kill()
	_ = command.Wait()
	for said(func(i *inner) { ConnectTo(i, url) }) == "" {
		time.Sleep(10 * time.Millisecond)
	}
}
