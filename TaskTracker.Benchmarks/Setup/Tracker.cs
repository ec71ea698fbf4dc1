using Npgsql;
using TaskTracker.Tests.Chaos;

namespace TaskTracker.Benchmarks.Setup;

/// <summary>A database with the seed's data, and an API over it.</summary>
/// <param name="ConnectionString">The database's connection string, as the services have it.</param>
/// <param name="Database">Connections of this program's own.</param>
/// <param name="Api">The API.</param>
/// <param name="Users">The users of the seed.</param>
/// <param name="FirstUser">The number of the seed's first user, the busy one; the others follow it.</param>
internal sealed record Tracker(string ConnectionString, NpgsqlDataSource Database, Replica Api, LoggedInUsers Users, int FirstUser);
