"""Crops: which part of each picture a step shows, one file each."""
