namespace TaskTracker.Jobs;

/// <summary>Names this service for those who start it in their own process, such as tests.</summary>
public sealed class JobsMarker;
