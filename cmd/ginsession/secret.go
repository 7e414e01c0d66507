package main

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/spf13/cobra"
)

func (c *command) secret() *cobra.Command {
	return &cobra.Command{
		Use:   "secret",
		Short: "Generate a secret",
		Long:  "Prints a new secret for Config.Secret: 32 random bytes in base64.",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			random := make([]byte, 32)
			_, _ = rand.Read(random) // never fails
			secret := base64.StdEncoding.EncodeToString(random)
			c.print(struct {
				Secret string `json:"secret"`
			}{secret}, "%s\n", secret)
			return nil
		},
	}
}
