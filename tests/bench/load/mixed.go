package main

func mixed(o options) error { return nil }
