package main

import (
	_ "embed" // the scripts
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// The scripts run the hidden command complete to get the candidates at the cursor.
var (
	//go:embed completion/ptycho.bash
	bashScript string
	//go:embed completion/ptycho.zsh
	zshScript string
	//go:embed completion/ptycho.fish
	fishScript string
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Category: terminal, ArgsUsage: "bash|zsh|fish", Usage: "print a shell script that completes commands, flags, values and files",
		Description: "- bash: source <(ptycho completion bash)\n- zsh: save it as _ptycho in a folder of fpath\n- fish: save it as ~/.config/fish/completions/ptycho.fish",
		Action: func(c *cli.Context) error {
			script, ok := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return usage(fmt.Errorf("completion: want one shell: bash, zsh or fish"))
			}
			stdout.Print(script)
			return nil
		},
	}
}

// completeCommand prints the candidates for the last of its words, one per line, with their meanings after a tab. The lines
// :files and :folders ask the shell to complete files and folders. It starts no backend.
func completeCommand() *cli.Command {
	return &cli.Command{
		Name: "complete", Hidden: true, ArgsUsage: "-- WORDS", SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) > 0 && words[0] == "--" {
				words = words[1:]
			}
			for _, found := range complete(newApp(), words) {
				if found.about == "" {
					stdout.Println(found.text)
				} else {
					stdout.Printf("%s\t%s\n", found.text, strings.ReplaceAll(found.about, "\n", " "))
				}
			}
			return nil
		},
	}
}
