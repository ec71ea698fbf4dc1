namespace TaskTracker.Api;

/// <summary>Names this assembly to tests, which know more than one <c>Program</c>.</summary>
public sealed class ApiMarker;
