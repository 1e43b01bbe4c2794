// Command torture kills ptycho, fills its disks, closes its pipes and sends it signals. Then it lets the same command or train
// --resume finish, and compares the result with that of an undisturbed run, byte for byte. It prints one table and exits with
// 1 if anything was lost, left behind or different. It needs Linux and a mount namespace (root, or a kernel with user
// namespaces).
package main
