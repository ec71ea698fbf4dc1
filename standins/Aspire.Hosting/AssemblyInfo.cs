using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Aspire.Hosting.PostgreSQL")]
[assembly: InternalsVisibleTo("Aspire.Hosting.Redis")]
[assembly: InternalsVisibleTo("Aspire.Hosting.Testing")]
[assembly: InternalsVisibleTo("StandIns.Tests")]
