using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using TaskTracker.Data.Deliveries;
using TaskTracker.Jobs.Deliveries;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Deliveries;

public sealed class EmailTests
{
    private static readonly DateTimeOffset s_deadline = new(2030, 1, 31, 8, 30, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_reminder_arrives_with_a_readable_subject_and_a_stable_id()
    {
        using var server = await MailServer.StartAsync(user: "tasks", password: "p@ss wörd");
        var email = new EmailChannel(Options.Create(OptionsFor(server, "tasks", "p@ss wörd")));
        const string Title = "Grüße an 東京 – and something that makes this subject a good deal longer than one encoded word may ever be: ñandú 🦤";

        await email.SendAsync(NewDelivery(Title), CancellationToken.None);
        await email.SendAsync(NewDelivery(Title) with { Attempt = 2 }, CancellationToken.None);

        await Eventually.TrueAsync("both have arrived", () => Task.FromResult(server.Mails.Count == 2));
        foreach (var mail in server.Mails)
        {
            Assert.Equal(("tasks@example.org", "ada@example.org", "tasks"), (mail.From, Assert.Single(mail.To), mail.User));
            Assert.Equal("Reminder: " + Title, mail["Subject"]);
            Assert.Equal("<1893456000000.17@example.org>", mail["Message-ID"]);
            Assert.Equal("auto-generated", mail["Auto-Submitted"]);
            Assert.Equal("ada@example.org", mail["To"]);
            Assert.Contains("tasks@example.org", mail["From"], StringComparison.Ordinal);
            Assert.StartsWith($"{Title}\r\n\r\nis due on Thursday, 31 January 2030, 08:30 UTC.", mail.Body.ReplaceLineEndings("\r\n"), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("x\r\nBcc: victim@example.net")]
    [InlineData("x\nBcc: victim@example.net\n\nanother body")]
    [InlineData("x\rBcc: victim@example.net")]
    [InlineData("x\u0085Bcc: victim@example.net\u2028Cc: victim@example.net")]
    [InlineData("x\r\n.\r\nMAIL FROM:<a@b>\r\n\u001b[2J")]
    public async Task A_title_adds_no_header_and_no_recipient(string title)
    {
        using var server = await MailServer.StartAsync();
        var email = new EmailChannel(Options.Create(OptionsFor(server)));

        await email.SendAsync(NewDelivery(title), CancellationToken.None);

        await Eventually.TrueAsync("it has arrived", () => Task.FromResult(!server.Mails.IsEmpty));
        var mail = Assert.Single(server.Mails);
        Assert.Equal(["ada@example.org"], mail.To);
        Assert.DoesNotContain(mail.Header, line => line.StartsWith("Bcc", StringComparison.OrdinalIgnoreCase) || line.StartsWith("Cc", StringComparison.OrdinalIgnoreCase));
        Assert.StartsWith("Reminder: x", mail["Subject"], StringComparison.Ordinal);
        Assert.DoesNotContain(mail["Subject"], char.IsControl);
    }

    [Theory]
    [InlineData("ada@example.org\r\nBcc: victim@example.net")]
    [InlineData("ada@example.org, victim@example.net")]
    [InlineData("Ada <ada@example.org>")]
    [InlineData("ada")]
    public async Task An_address_that_is_more_or_less_than_one_is_not_written_to(string address)
    {
        var email = new EmailChannel(Options.Create(new EmailOptions { Host = "127.0.0.1", Port = 1, From = "tasks@example.org" }));

        var failure = await Assert.ThrowsAsync<DeliveryException>(() => email.SendAsync(NewDelivery("x") with { Email = address }, CancellationToken.None));

        Assert.True(failure.IsFinal);
    }

    [Fact]
    public async Task A_certificate_that_nobody_trusts_ends_the_attempt_before_anything_is_said()
    {
        using var server = await MailServer.StartAsync(tls: true);
        var options = OptionsFor(server);
        options.Tls = true;

        var failure = await Assert.ThrowsAsync<DeliveryException>(() => new EmailChannel(Options.Create(options)).SendAsync(NewDelivery("x"), CancellationToken.None));

        Assert.Equal("No encrypted connection to the mail server could be made.", failure.Message);
        Assert.Empty(server.Mails);
    }

    [Fact]
    public async Task A_server_without_encryption_gets_nothing_where_encryption_is_asked_for()
    {
        using var server = await MailServer.StartAsync(tls: false);
        var options = OptionsFor(server);
        options.Tls = true;

        await Assert.ThrowsAsync<DeliveryException>(() => new EmailChannel(Options.Create(options)).SendAsync(NewDelivery("x"), CancellationToken.None));

        Assert.Empty(server.Mails);
    }

    [Fact]
    public async Task A_mailbox_that_does_not_exist_is_not_tried_again()
    {
        using var server = await MailServer.StartAsync();

        var failure = await Assert.ThrowsAsync<DeliveryException>(() => new EmailChannel(Options.Create(OptionsFor(server)))
            .SendAsync(NewDelivery("x") with { Email = "unknown@example.org" }, CancellationToken.None));

        Assert.True(failure.IsFinal);
        Assert.Equal("The mail server does not take messages to this address (550).", failure.Message);
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_left_after_a_while()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var options = new EmailOptions { Host = "127.0.0.1", Port = ((IPEndPoint)listener.LocalEndpoint).Port, From = "tasks@example.org" };

        var failure = await Assert.ThrowsAsync<DeliveryException>(() =>
            new EmailChannel(Options.Create(options), TimeSpan.FromSeconds(0.3)).SendAsync(NewDelivery("x"), CancellationToken.None));

        Assert.Equal(("The mail server did not answer in time.", true), (failure.Message, failure.IsUnreachable));
    }

    [Fact]
    public async Task Without_a_mail_server_the_delivery_fails_and_says_so()
    {
        var database = await JobsDatabase.CreateAsync();
        await using var courier = new Courier(database);
        await courier.SubscribeAsync(email: true);
        await database.AddDeliveriesAsync(1, DeliveryChannel.Email);

        await courier.SendAsync();

        var delivery = Assert.Single(await database.DeliveriesAsync());
        Assert.Equal((DeliveryStatus.Failed, "This server sends no e-mail."), (delivery.Status, delivery.LastError));
    }

    [Theory]
    [InlineData("Email:From", "mail.example.org", 587, null, null, null, "nobody")]
    [InlineData("Email:From", "mail.example.org", 587, null, null, null, null)]
    [InlineData("Email:Port", "mail.example.org", 465, null, null, null, "a@b.example")]
    [InlineData("Email:Port", "mail.example.org", 0, null, null, null, "a@b.example")]
    [InlineData("Email:User", "mail.example.org", 587, null, "user", null, "a@b.example")]
    [InlineData("Email:User", "mail.example.org", 587, null, null, "password", "a@b.example")]
    [InlineData("Email:Tls", "mail.example.org", 587, false, "user", "password", "a@b.example")]
    [InlineData(null, "mail.example.org", 587, null, "user", "password", "Tasks <a@b.example>")]
    [InlineData(null, "localhost", 25, null, "user", "password", "a@b.example")]
    [InlineData(null, "mail.example.org", 25, false, null, null, "a@b.example")]
    [InlineData(null, null, 0, null, null, "x", null)]
    public void Bad_settings_are_named(string? named, string? host, int port, bool? tls, string? user, string? password, string? from)
    {
        var options = new EmailOptions { Host = host, Port = port, Tls = tls, User = user, Password = password, From = from };

        var problems = options.Validate(new ValidationContext(options)).Select(problem => problem.ErrorMessage!).ToList();

        if (named is null)
        {
            Assert.Empty(problems);
        }
        else
        {
            Assert.StartsWith(named, Assert.Single(problems), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("mail.example.org", true)]
    [InlineData("localhost", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", false)]
    public void Encryption_is_on_unless_the_server_is_on_this_machine(string host, bool expected) =>
        Assert.Equal(expected, new EmailOptions { Host = host }.UsesTls);

    private static EmailOptions OptionsFor(MailServer server, string? user = null, string? password = null) =>
        new() { Host = "127.0.0.1", Port = server.Port, From = "TaskTracker <tasks@example.org>", User = user, Password = password };

    private static ClaimedDelivery NewDelivery(string title) => new(
        17, 1, "email", 1, new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero), null, true, "ada@example.org", null, null,
        3, "reminder", 4, title, s_deadline, TimeSpan.FromDays(1));
}
