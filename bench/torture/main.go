// Command torture kills ptycho, fills its disks, closes its pipes and sends it signals, then lets the same command or
// train --resume finish, and compares what is there with an undisturbed run, byte for byte. It prints one table and ends
// with 1 when anything was lost, left behind or different. It needs Linux and a mount namespace (root, or a kernel that
// gives users namespaces).
package main
