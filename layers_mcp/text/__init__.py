"""Text from outside, made safe to show: untrusted text, short labels, times, and secrets."""
