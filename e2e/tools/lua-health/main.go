// SPDX-License-Identifier: Apache-2.0

// Command lua-health runs health scripts as Argo CD does: with the same interpreter, nothing but
// the base, package and table libraries (so neither string nor os nor io), and one second.
// Argo CD itself is 1,400 packages; what it does around the interpreter is little
// (util/lua/lua.go, runLua and ExecuteHealthLua), and here it is stricter.
//
// It reads a JSON list of {"script", "object"} and writes a list of {"status", "message"} or
// {"error"}, in the same order.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
)

type question struct {
	Script string         `json:"script"`
	Object map[string]any `json:"object"`
}

type answer struct {
	Status  string `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
}

var statuses = []string{"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		fmt.Fprintln(os.Stderr, "Cannot read the questions:", err)
		os.Exit(1)
	}
	answers := make([]answer, 0, len(questions))
	for _, question := range questions {
		result, err := health(question)
		if err != nil {
			result = answer{Error: err.Error()}
		}
		answers = append(answers, result)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, "Cannot write the answers:", err)
		os.Exit(1)
	}
}

func health(question question) (answer, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	if err := openLibraries(state); err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luaValue(state, question.Object))
	if err := state.DoString(question.Script); err != nil {
		return answer{}, err
	}
	return readAnswer(state.Get(-1))
}

func openLibraries(state *lua.LState) error {
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return err
		}
	}
	return nil
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, item := range value {
			table.Append(luaValue(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, luaValue(state, item))
		}
		return table
	}
	return lua.LNil
}

func readAnswer(value lua.LValue) (answer, error) {
	table, ok := value.(*lua.LTable)
	if !ok {
		return answer{}, fmt.Errorf("the script returned a %s, not a table", value.Type())
	}
	status, ok := table.RawGetString("status").(lua.LString)
	if !ok || !slices.Contains(statuses, string(status)) {
		return answer{}, fmt.Errorf("the status %v is none of %v", table.RawGetString("status"), statuses)
	}
	message, ok := table.RawGetString("message").(lua.LString)
	if !ok && table.RawGetString("message") != lua.LNil {
		return answer{}, errors.New("the message is no text")
	}
	return answer{Status: string(status), Message: string(message)}, nil
}
